// The extension module switchgear._core: one bind_<area>.cpp for each area, called from here in the order of their ranks.
#include "module.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  using namespace switchgear::bindings;
  module.doc() = "The compiled core of switchgear. Import switchgear, not this.";
  module.attr("__version__") = SWITCHGEAR_VERSION;
  bind_errors(module);
  bind_base(module);
  bind_data(module);
  bind_http(module);
  bind_connector(module);
  bind_connection(module);
  bind_paging(module);
}
