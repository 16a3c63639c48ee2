# What `cmake --install` puts where. Components: `sdk` (headers and CMake functions for plugin authors) and `core` (the library for
# C++ hosts) here, `connectors` by switchgear_add_connector(), `python` by bindings/. A wheel takes all but `core`.
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
