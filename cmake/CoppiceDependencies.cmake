# What Coppice stands on. All of it is in Debian; script/bootstrap installs it.
find_package(Torch REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(hwy REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp) # Before 0.8.
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# LibTorch decides the language: its headers want C++17, later ones C++20.
if(NOT DEFINED CMAKE_CXX_STANDARD)
  if(Torch_VERSION VERSION_GREATER_EQUAL 2.13)
    set(CMAKE_CXX_STANDARD 20)
  else()
    set(CMAKE_CXX_STANDARD 17)
  endif()
endif()

# at::parallel_for is a header: without OpenMP in our own files it is serial.
add_library(coppice_torch INTERFACE)
target_link_libraries(coppice_torch INTERFACE ${TORCH_LIBRARIES}
                                              OpenMP::OpenMP_CXX)
