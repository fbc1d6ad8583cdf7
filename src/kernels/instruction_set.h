#pragma once

#include <string>
#include <vector>

namespace coppice::kernels {

/// The instruction set that kernels run on, by Highway's name: "AVX3_DL"
/// (AVX-512 with the extensions of Ice Lake), "AVX3" (AVX-512), "AVX2", "SSE4",
/// "SSSE3", "NEON" ... "EMU128" and "SCALAR" are plain C++ loops: there is no
/// fast path for the processor.
///
/// It is the best that the processor has, limited by the environment variable
/// COPPICE_INSTRUCTION_SET when the library is loaded: for a processor whose
/// clock drops under AVX-512, or to see how a program runs on another machine.
/// An unknown name prints a warning to standard error and has no effect.
std::string instruction_set();

/// Whether `instruction_set()` is more than plain loops.
bool has_fast_path();

/// The instruction sets that the library was compiled for and this processor
/// has, best first.
std::vector<std::string> instruction_sets();

} // namespace coppice::kernels
