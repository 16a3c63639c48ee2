#include "errors.hpp"

#include <exception>

#include "module.hpp"

namespace py = pybind11;

namespace switchgear::bindings {

py::object to_python(const Error& error) {
  py::dict fields;
  fields["code"] = error.code();
  fields["hint"] = error.hint;
  fields["retryable"] = error.retryable;
  fields["retry_after"] =
      error.retry_after ? py::object(py::float_(std::chrono::duration<double>(*error.retry_after).count())) : py::none();
  fields["connection_id"] = error.connection_id;
  fields["entity"] = error.entity;
  fields["http_status"] = error.http_status;
  fields["request_id"] = error.request_id;
  return py::module_::import("switchgear.errors").attr("from_core")(to_string(error.category), error.message, **fields);
}

Error error_of(const py::error_already_set& raised, Category otherwise, const char* detail, const char* doing) {
  const py::object& exception = raised.value();
  if (!py::isinstance(exception, py::module_::import("switchgear.errors").attr("Error")))
    return Error(otherwise, detail, std::string(doing) + ": " + raised.what());
  const auto text = [&](const char* name) { return exception.attr(name).cast<std::string>(); };
  const Category category = category_from(text("category")).value_or(otherwise);
  const std::string code = text("code");
  Error error(category, code.find('.') == std::string::npos ? "" : code.substr(code.find('.') + 1), text("message"));
  error.hint = text("hint");
  error.retryable = exception.attr("retryable").cast<bool>();
  error.http_status = exception.attr("http_status").cast<int>();
  error.request_id = text("request_id");
  const py::object wait = exception.attr("retry_after");
  if (!wait.is_none())
    error.retry_after = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(wait.cast<double>()));
  return error;
}

void bind_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      const py::object exception = to_python(error);
      PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    }
  });
}

}  // namespace switchgear::bindings
