# How every target of this project is compiled: warnings are errors, hidden symbols, ccache and mold where they exist.
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(SWITCHGEAR_CCACHE ccache)
if(SWITCHGEAR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${SWITCHGEAR_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SWITCHGEAR_CCACHE}")
endif()

find_program(SWITCHGEAR_MOLD mold)
if(SWITCHGEAR_MOLD)
  add_link_options("-fuse-ld=mold")
endif()

if(SWITCHGEAR_SANITIZE)
  add_compile_options("-fsanitize=${SWITCHGEAR_SANITIZE}" -fno-omit-frame-pointer -g1)
  add_link_options("-fsanitize=${SWITCHGEAR_SANITIZE}")
  if(SWITCHGEAR_SANITIZE MATCHES "undefined")
    # SOCI is a shared library without the type information that this check wants.
    add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=all)
  endif()
endif()

# switchgear_target(NAME) -- applies the project's rules to one of its targets.
function(switchgear_target name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND SWITCHGEAR_WARNINGS_AS_ERRORS)
    # With -O3, GCC 12 warns of overlapping copies inside std::string itself (GCC bug 105651).
    target_compile_options(${name} PRIVATE -Wno-restrict)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND SWITCHGEAR_SANITIZE)
    # Its manual says that this warning errs where code is instrumented; the other builds keep it.
    target_compile_options(${name} PRIVATE -Wno-maybe-uninitialized)
  endif()
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${SWITCHGEAR_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()
