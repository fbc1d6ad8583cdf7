#pragma once

#include <string>

namespace coppice::cli {

/// The file that LibTorch's matrix products come from, links resolved; empty if
/// they are part of LibTorch itself.
std::string blas_path();

/// Its short name: "openblas-pthread/libblas.so.3".
std::string blas_name();

/// Whether a path, links resolved, is Netlib's reference BLAS, which
/// `libtorch-dev` pulls in on a fresh Debian and which is many times slower
/// than OpenBLAS. Debian keeps it in `<libdir>/blas/`, others in folders of
/// their own
/// (`openblas-pthread/`, `blis-openmp/`, `atlas/`).
bool is_reference_blas(const std::string& path);

/// Says on standard error what to install if LibTorch runs on the reference
/// BLAS. Called once, by commands that compute.
void warn_of_reference_blas();

/// Makes `count` threads do LibTorch's work and OpenBLAS's; 0 means one a core,
/// or what OMP_NUM_THREADS says. Returns how many they are.
int use_threads(int count);

} // namespace coppice::cli
