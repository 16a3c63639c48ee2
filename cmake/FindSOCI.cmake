# FindSOCI: SOCI 4.0 as distributions package it, without a CMake configuration of its own.
# Targets: SOCI::core, SOCI::sqlite3, SOCI::postgresql, the last two with the headers of their database.
include(FindPackageHandleStandardArgs)
find_package(SQLite3 QUIET)
find_package(PostgreSQL QUIET)

find_path(SOCI_INCLUDE_DIR soci/soci.h)
foreach(part core sqlite3 postgresql)
  find_library(SOCI_${part}_LIBRARY soci_${part})
  mark_as_advanced(SOCI_${part}_LIBRARY)
endforeach()
mark_as_advanced(SOCI_INCLUDE_DIR)

if(SOCI_INCLUDE_DIR AND EXISTS "${SOCI_INCLUDE_DIR}/soci/version.h")
  file(STRINGS "${SOCI_INCLUDE_DIR}/soci/version.h" line REGEX "#define SOCI_LIB_VERSION +\"")
  string(REGEX REPLACE ".*\"([0-9]+)_([0-9]+)(_([0-9]+))?\".*" "\\1.\\2.\\4" SOCI_VERSION "${line}")
endif()

find_package_handle_standard_args(SOCI
  REQUIRED_VARS SOCI_core_LIBRARY SOCI_sqlite3_LIBRARY SOCI_postgresql_LIBRARY SOCI_INCLUDE_DIR SQLite3_FOUND PostgreSQL_FOUND
  VERSION_VAR SOCI_VERSION
  REASON_FAILURE_MESSAGE "On Debian: apt-get install libsoci-dev libsqlite3-dev libpq-dev")

if(SOCI_FOUND AND NOT TARGET SOCI::core)
  add_library(SOCI::core UNKNOWN IMPORTED)
  set_target_properties(SOCI::core PROPERTIES IMPORTED_LOCATION "${SOCI_core_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${SOCI_INCLUDE_DIR}")
  foreach(part sqlite3 postgresql)
    add_library(SOCI::${part} UNKNOWN IMPORTED)
    set_target_properties(SOCI::${part} PROPERTIES IMPORTED_LOCATION "${SOCI_${part}_LIBRARY}")
  endforeach()
  target_link_libraries(SOCI::sqlite3 INTERFACE SOCI::core SQLite::SQLite3)
  target_link_libraries(SOCI::postgresql INTERFACE SOCI::core PostgreSQL::PostgreSQL)
endif()
