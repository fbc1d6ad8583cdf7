#pragma once

#include <string>
#include <vector>

namespace coppice::kernels {

/// The instruction set that kernels run on, as Highway names it: "AVX3_DL" (an
/// AVX-512 with the extensions of Ice Lake), "AVX3" (AVX-512), "AVX2", "SSE4",
/// "SSSE3", "NEON" ... "EMU128" and "SCALAR" are plain C++ loops: there is no
/// fast path for the processor.
///
/// It is the best that the processor has, and at most what the environment
/// variable COPPICE_INSTRUCTION_SET names when the library is loaded: for a
/// processor that slows down under AVX-512, or to see what a program does on
/// another machine. A name that is none of `instruction_sets()` is complained
/// about on standard error and has no effect.
std::string instruction_set();

/// Whether `instruction_set()` is more than plain loops.
bool has_fast_path();

/// Those that the library was compiled for and this processor has, the best
/// first.
std::vector<std::string> instruction_sets();

} // namespace coppice::kernels
