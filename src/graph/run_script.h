#pragma once

#include <torch/script.h>

#include <vector>

namespace coppice {

/// Runs `forward` of a TorchScript module.
///
/// Errors: c10::ValueError if the module throws, with the cause in one line,
///   without TorchScript's traceback.
c10::IValue run_script(
    torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs);

} // namespace coppice
