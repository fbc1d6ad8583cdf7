#pragma once

// The differences between supported versions of LibTorch (1.13.1 to 2.14). No
// other file tests the version.

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>
#include <torch/version.h>

#include <string>
#include <variant>

#define COPPICE_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||          \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace coppice::compat {

/// The key of a parameter in `torch::optim::Optimizer::state()`: a pointer
/// since 2.0, its decimal text before.
inline auto optimizer_key(const torch::Tensor& parameter) {
#if COPPICE_TORCH_AT_LEAST(2, 0)
  return static_cast<void*>(parameter.unsafeGetTensorImpl());
#else
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
#endif
}

/// The `T` that a LibTorch variant holds, or null. Its variants are the
/// standard's since 2.1, its own before.
template <class T, class Variant>
const T* value_if(const Variant& variant) {
  using std::get_if;
  return get_if<T>(&variant);
}

/// Receives LibTorch's warnings, which are objects of a class since 2.0.
class WarningListener : public c10::WarningHandler {
 public:
  /// `file`: the source file of the warning, as the compiler was given it.
  virtual void warn(const std::string& text, const std::string& file) = 0;

#if COPPICE_TORCH_AT_LEAST(2, 0)
  void process(const c10::Warning& warning) override {
    warn(warning.msg(), warning.source_location().file);
  }
#else
  void process(
      const c10::SourceLocation& source,
      const std::string& text,
      const bool) override {
    warn(text, source.file);
  }
#endif
};

/// Sends this thread's warnings to `listener`, which must stay alive.
inline void listen_to_warnings(WarningListener* listener) {
#if COPPICE_TORCH_AT_LEAST(2, 0)
  c10::WarningUtils::set_warning_handler(listener);
#else
  c10::Warning::set_warning_handler(listener);
#endif
}

} // namespace coppice::compat
