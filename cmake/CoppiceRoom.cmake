# coppice_room(<name> LEVEL <n> [PLAIN]) compiles src/<name>/*.cpp into
# libcoppice. PLAIN rooms know no LibTorch.
add_library(coppice)
add_library(coppice::coppice ALIAS coppice)

function(coppice_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PLAIN" "LEVEL" "")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(coppice_${name} OBJECT ${sources})
  target_include_directories(
    coppice_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include
                            ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(coppice_${name} PRIVATE coppice_compiler hwy::hwy)
  if(arg_PLAIN)
    # A product and a sum are rounded one by one, or masks would depend on
    # whether the instruction set has a fused multiply-add.
    target_compile_options(coppice_${name} PRIVATE -ffp-contract=off)
  else()
    target_link_libraries(
      coppice_${name} PRIVATE coppice_torch fmt::fmt nlohmann_json::nlohmann_json)
    target_precompile_headers(coppice_${name} REUSE_FROM coppice_pch)
  endif()
  target_sources(coppice PRIVATE $<TARGET_OBJECTS:coppice_${name}>)
endfunction()

# LibTorch's headers take 15 s to compile: they are compiled once, here.
file(WRITE ${PROJECT_BINARY_DIR}/pch.cpp "")
add_library(coppice_pch OBJECT ${PROJECT_BINARY_DIR}/pch.cpp)
target_link_libraries(coppice_pch PRIVATE coppice_compiler coppice_torch hwy::hwy
                                          fmt::fmt nlohmann_json::nlohmann_json)
target_precompile_headers(coppice_pch PRIVATE <torch/script.h> <torch/torch.h>)
