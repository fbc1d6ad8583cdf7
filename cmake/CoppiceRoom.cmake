# coppice_room(<name> LEVEL <n> [PLAIN | MODULES]) compiles src/<name>/*.cpp, once
# for all: for libcoppice, which shows users only what is COPPICE_API, and for
# coppice_rooms, which the program, tests and benchmarks link to reach the rest.
# PLAIN rooms know no LibTorch, MODULES rooms its modules and optimizers, the
# others its tensors.
add_library(coppice)
add_library(coppice::coppice ALIAS coppice)
add_library(coppice_objects STATIC)
add_library(coppice_rooms INTERFACE)
target_include_directories(coppice_rooms INTERFACE ${PROJECT_SOURCE_DIR}/include
                                                   ${PROJECT_SOURCE_DIR}/src)
# Whole: nothing calls the files that register operators.
target_link_libraries(
  coppice_rooms
  INTERFACE $<LINK_LIBRARY:WHOLE_ARCHIVE,coppice_objects> coppice_torch hwy::hwy
            fmt::fmt PNG::PNG ZLIB::ZLIB nlohmann_json::nlohmann_json)

function(coppice_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PLAIN;MODULES" "LEVEL" "")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(coppice_${name} OBJECT ${sources})
  target_include_directories(
    coppice_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include
                            ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(
    coppice_${name} PRIVATE coppice_compiler hwy::hwy fmt::fmt PNG::PNG ZLIB::ZLIB
                            nlohmann_json::nlohmann_json)
  if(arg_PLAIN)
    # A product and a sum are rounded one by one, or masks would depend on
    # whether the instruction set has a fused multiply-add.
    target_compile_options(coppice_${name} PRIVATE -ffp-contract=off)
    # Highway compiles each file several times over; small ones gain nothing.
    set_target_properties(coppice_${name} PROPERTIES UNITY_BUILD OFF)
  else()
    target_link_libraries(coppice_${name} PRIVATE coppice_torch)
    if(arg_MODULES)
      coppice_precompiled(coppice_${name} MODULES)
    else()
      coppice_precompiled(coppice_${name} TENSORS)
    endif()
  endif()
  target_sources(coppice PRIVATE $<TARGET_OBJECTS:coppice_${name}>)
  target_sources(coppice_objects PRIVATE $<TARGET_OBJECTS:coppice_${name}>)
endfunction()

# LibTorch's headers take 15 s to compile: they are compiled here, once whole
# and once without modules, because loading what was compiled takes time too
# (4 s and 1 s a file).
function(coppice_precompile name)
  file(WRITE ${PROJECT_BINARY_DIR}/${name}.cpp "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cpp)
  target_link_libraries(
    ${name} PRIVATE coppice_compiler coppice_torch hwy::hwy fmt::fmt
                    nlohmann_json::nlohmann_json)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

coppice_precompile(coppice_headers_TENSORS <torch/types.h> <torch/utils.h>
                   <ATen/Parallel.h>)
coppice_precompile(coppice_headers_MODULES <torch/script.h> <torch/torch.h>)

# coppice_precompiled(<target> TENSORS | MODULES) makes them known to a target.
function(coppice_precompiled target headers)
  target_precompile_headers(${target} REUSE_FROM coppice_headers_${headers})
endfunction()
