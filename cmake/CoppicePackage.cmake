# Debian packages of what is installed: `coppice` has the program and the library
# that it runs on, `libcoppice-dev` what a user compiles against. `cpack` makes
# them (script/package).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME coppice)
set(CPACK_PACKAGE_VENDOR "The Coppice maintainers")
set(CPACK_PACKAGE_CONTACT "The Coppice maintainers")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME coppice)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "neural-network sparsity for LibTorch
 Prunes trained models from a shell, packs them, and compiles them for the
 processor at hand. Holds the program and its library.")
# Which version of LibTorch it was built with decides which it runs on.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
# LibTorch's own choice of a BLAS is many times slower.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS libopenblas0-pthread)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libcoppice-dev)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "neural-network sparsity for LibTorch, headers
 What a C++ program needs that prunes its own models: headers, and the files by
 which CMake finds them.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "coppice (= ${PROJECT_VERSION}), libtorch-dev")
include(CPack)
