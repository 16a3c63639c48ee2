// The parts of the extension module. Each adds its classes to `module` and is called once, at import, with the GIL held.
#pragma once

#include <pybind11/pybind11.h>

namespace switchgear::bindings {

void bind_errors(pybind11::module_& module);
void bind_base(pybind11::module_& module);
void bind_data(pybind11::module_& module);
void bind_breaker(pybind11::module_& module);
void bind_limits(pybind11::module_& module);
void bind_retry(pybind11::module_& module);
void bind_flows(pybind11::module_& module);
void bind_http(pybind11::module_& module);
void bind_auth(pybind11::module_& module);
void bind_webhook(pybind11::module_& module);
void bind_connector(pybind11::module_& module);
void bind_diagnosis(pybind11::module_& module);
void bind_connection(pybind11::module_& module);
void bind_paging(pybind11::module_& module);
void bind_writing(pybind11::module_& module);
void bind_store(pybind11::module_& module);
void bind_tokens(pybind11::module_& module);
void bind_events(pybind11::module_& module);
void bind_inbox(pybind11::module_& module);
void bind_queue(pybind11::module_& module);
void bind_sync(pybind11::module_& module);
void bind_sync_status(pybind11::module_& module);

}  // namespace switchgear::bindings
