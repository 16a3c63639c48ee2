// The extension module switchgear._core: one bind_<area>.cpp for each area, called from here in the order of their ranks.
#include "module.hpp"

#include "news.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The compiled core of switchgear. Import switchgear, not this.";
  module.attr("__version__") = SWITCHGEAR_VERSION;
  switchgear::bindings::bind_errors(module);
  switchgear::bindings::bind_base(module);
  switchgear::bindings::bind_news(module);
  switchgear::bindings::bind_data(module);
  switchgear::bindings::bind_breaker(module);
  switchgear::bindings::bind_limits(module);
  switchgear::bindings::bind_retry(module);
  switchgear::bindings::bind_http(module);
  switchgear::bindings::bind_auth(module);
  switchgear::bindings::bind_webhook(module);
  switchgear::bindings::bind_connector(module);
  switchgear::bindings::bind_diagnosis(module);
  switchgear::bindings::bind_connection(module);
  switchgear::bindings::bind_paging(module);
  switchgear::bindings::bind_writing(module);
  switchgear::bindings::bind_store(module);
  switchgear::bindings::bind_tokens(module);
  switchgear::bindings::bind_events(module);
  switchgear::bindings::bind_inbox(module);
  switchgear::bindings::bind_queue(module);
  switchgear::bindings::bind_sync_status(module);
  switchgear::bindings::bind_sync(module);
  switchgear::bindings::bind_flows(module);
}
