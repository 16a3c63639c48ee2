# What `cmake --install` puts where. Components: `sdk` (headers and CMake functions for plugin authors), `core` (the library for C++ hosts),
# `connectors` (the bundled plugins); bindings/ adds `python`. A wheel takes all but `core`.
include(CMakePackageConfigHelpers)
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/switchgear")

install(TARGETS switchgear_sdk EXPORT switchgear_sdk_targets)
install(EXPORT switchgear_sdk_targets NAMESPACE switchgear:: FILE switchgear-sdk-targets.cmake DESTINATION "${config_dir}" COMPONENT sdk)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/core/sdk/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT sdk)

install(TARGETS switchgear_core EXPORT switchgear_core_targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT core)
install(EXPORT switchgear_core_targets NAMESPACE switchgear:: FILE switchgear-core-targets.cmake DESTINATION "${config_dir}" COMPONENT core)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/core/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT core)
install(FILES "${CMAKE_SOURCE_DIR}/cmake/FindSOCI.cmake" DESTINATION "${config_dir}" COMPONENT core)

configure_package_config_file("${CMAKE_SOURCE_DIR}/cmake/switchgear-config.cmake.in" "${PROJECT_BINARY_DIR}/switchgear-config.cmake"
  INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/switchgear-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/switchgear-config.cmake" "${PROJECT_BINARY_DIR}/switchgear-config-version.cmake"
  "${CMAKE_SOURCE_DIR}/cmake/SwitchgearAddConnector.cmake" DESTINATION "${config_dir}" COMPONENT sdk)

# Every plugin under plugins/, whatever its target is called.
set(SWITCHGEAR_CONNECTOR_DIR "${CMAKE_INSTALL_LIBDIR}/switchgear/connectors" CACHE STRING "Where the bundled connectors are installed")
if(SWITCHGEAR_BUILD_PLUGINS)
  get_property(folders DIRECTORY "${CMAKE_SOURCE_DIR}/plugins" PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
      get_target_property(type ${target} TYPE)
      if(type STREQUAL "MODULE_LIBRARY")
        install(TARGETS ${target} LIBRARY DESTINATION "${SWITCHGEAR_CONNECTOR_DIR}" COMPONENT connectors)
      endif()
    endforeach()
  endforeach()
endif()
