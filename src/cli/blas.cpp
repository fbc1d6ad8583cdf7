#include "cli/blas.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

namespace coppice::cli {

std::string blas_path() {
  // LibTorch is bound to the first sgemm_ in load order.
  const void* product = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info{};
  if (product == nullptr || dladdr(product, &info) == 0) {
    return "";
  }
  std::error_code error;
  const auto path = std::filesystem::canonical(info.dli_fname, error);
  return error ? info.dli_fname : path.string();
}

std::string blas_name() {
  const auto path = blas_path();
  if (path.empty()) {
    return "LibTorch's own";
  }
  // On Debian the folder has the BLAS's name; the file name is always the same.
  const std::filesystem::path file(path);
  return (file.parent_path().filename() / file.filename()).string();
}

bool is_reference_blas(const std::string& path) {
  const std::filesystem::path file(path);
  return file.parent_path().filename() == "blas" &&
      file.filename().string().rfind("libblas.so", 0) == 0;
}

void warn_of_reference_blas() {
  if (is_reference_blas(blas_path())) {
    std::cerr << "coppice: warning: LibTorch runs on the reference BLAS, which "
                 "is many times slower than OpenBLAS: install "
                 "libopenblas0-pthread.\n";
  }
}

int use_threads(int count) {
  // LibTorch's own count of cores is 1 in some virtual machines.
  if (count == 0 && std::getenv("OMP_NUM_THREADS") == nullptr &&
      at::get_num_threads() == 1) {
    count = static_cast<int>(std::thread::hardware_concurrency());
  }
  if (count > 0) {
    at::set_num_threads(count);
  }
  // OpenBLAS's own threads do not follow LibTorch's setting.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(
          dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(at::get_num_threads());
  }
  return at::get_num_threads();
}

} // namespace coppice::cli
