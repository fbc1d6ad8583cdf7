#pragma once

#include <string>

namespace coppice::cli {

/// The library of LibTorch's matrix products, links resolved; empty if they are
/// part of LibTorch.
std::string blas_path();

/// Its short name: "openblas-pthread/libblas.so.3".
std::string blas_name();

/// Whether a path, links resolved, is Netlib's reference BLAS, which
/// `libtorch-dev` installs on a fresh Debian and which is many times slower
/// than OpenBLAS. Debian keeps it in `<libdir>/blas/`, other BLASes in folders
/// of their own (`openblas-pthread/`, `blis-openmp/`, `atlas/`).
bool is_reference_blas(const std::string& path);

/// Warns on standard error, with the remedy, if LibTorch runs on the reference
/// BLAS. Called once, by commands that compute.
void warn_of_reference_blas();

/// Sets the threads of LibTorch and OpenBLAS to `count`; 0 means one per core,
/// or OMP_NUM_THREADS. Returns the number.
int use_threads(int count);

} // namespace coppice::cli
