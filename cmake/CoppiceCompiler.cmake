# How everything here is compiled: standard, warnings, ccache and the flags that
# let one precompiled LibTorch header serve libraries and programs alike.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# What is public says so itself (coppice/export.h).
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# A precompiled header serves only files compiled with the same flags; programs
# would otherwise get -fPIE where libraries get -fPIC.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_COMPILE_OPTIONS_PIE ${CMAKE_CXX_COMPILE_OPTIONS_PIC})

# What is installed finds a LibTorch that lies in no folder of the system.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

find_program(CCACHE ccache)
if(CCACHE)
  # ccache reuses what a precompiled header went into only when told so.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
endif()

add_library(coppice_compiler INTERFACE)
target_compile_options(
  coppice_compiler
  INTERFACE -Wall -Wextra $<$<BOOL:${COPPICE_DEVELOPER}>:-Werror>
            $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION
                                          VERSION_GREATER_EQUAL 13)
  # A false alarm where LibTorch 2's lists are inlined.
  target_compile_options(coppice_compiler INTERFACE -Wno-stringop-overflow)
endif()
# Under sanitizers: LibTorch keeps to itself the types of some classes, which
# UBSan's check of virtual tables asks for, and GCC 12 warns of variants.
if(CMAKE_CXX_FLAGS MATCHES -fsanitize)
  target_compile_options(coppice_compiler INTERFACE -fno-sanitize=vptr
                                                    -Wno-maybe-uninitialized)
endif()
