# switchgear_add_connector(NAME SOURCES FILE... [NO_INSTALL]) -- a connector: the shared library NAME.so with the two exports of
# sdk/abi.h and no other.
#
# Libraries of its own are added with target_link_libraries(NAME PRIVATE ...). It is installed to SWITCHGEAR_CONNECTOR_DIR (default:
# <libdir>/switchgear/connectors), component "connectors". Works in switchgear's own build and after find_package(switchgear).

# Hidden visibility alone would leave the templates of the standard library in sight of other plugins.
set(SWITCHGEAR_CONNECTOR_MAP "${CMAKE_BINARY_DIR}/switchgear-connector.map")
file(CONFIGURE OUTPUT "${SWITCHGEAR_CONNECTOR_MAP}" CONTENT "{\n  global:\n    sg_connector_abi;\n    sg_connector_entry;\n  local:\n    *;\n};\n")

# Is this folder built with a sanitizer? Then its functions stay undefined until the connector is loaded into a program that has them.
function(_switchgear_sanitized result)
  get_directory_property(options COMPILE_OPTIONS)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(FIND "${options} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" "-fsanitize=" found)
  if(found EQUAL -1)
    set(${result} FALSE PARENT_SCOPE)
  else()
    set(${result} TRUE PARENT_SCOPE)
  endif()
endfunction()

function(switchgear_add_connector name)
  cmake_parse_arguments(PARSE_ARGV 1 connector "NO_INSTALL" "" "SOURCES")
  if(NOT connector_SOURCES)
    message(FATAL_ERROR "switchgear_add_connector(${name}): SOURCES needs at least one file")
  endif()
  if(connector_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "switchgear_add_connector(${name}): unknown arguments: ${connector_UNPARSED_ARGUMENTS}")
  endif()

  add_library(${name} MODULE ${connector_SOURCES})
  target_link_libraries(${name} PRIVATE switchgear::sdk)
  set_target_properties(${name} PROPERTIES
    PREFIX "" OUTPUT_NAME "${name}" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS "${SWITCHGEAR_CONNECTOR_MAP}")
  target_link_options(${name} PRIVATE "LINKER:--version-script=${SWITCHGEAR_CONNECTOR_MAP}")
  # A function that nobody defines is an error now, and not when the connector is loaded.
  _switchgear_sanitized(sanitized)
  if(NOT sanitized)
    target_link_options(${name} PRIVATE "LINKER:--no-undefined")
  endif()

  if(connector_NO_INSTALL)
    return()
  endif()
  if(NOT SWITCHGEAR_CONNECTOR_DIR)
    if(NOT CMAKE_INSTALL_LIBDIR)
      set(CMAKE_INSTALL_LIBDIR lib)
    endif()
    set(SWITCHGEAR_CONNECTOR_DIR "${CMAKE_INSTALL_LIBDIR}/switchgear/connectors")
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION "${SWITCHGEAR_CONNECTOR_DIR}" COMPONENT connectors)
endfunction()
