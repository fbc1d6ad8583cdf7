#pragma once

#include <torch/script.h>

#include <string>

#include "coppice/export.h"

namespace coppice {

/// Reads a program of `torch.export.save` (.pt2) as a TorchScript module,
/// without Python: it runs, trains, is saved, and goes wherever a module does.
/// Nothing in the file can run but the program itself.
///
/// Parameters, buffers and constants have their FQNs in nested modules, and are
/// copied into memory. `forward` takes the program's inputs under their names,
/// those by keyword last; constants among them are left out. It returns what
/// the program does; a dictionary of values of several types as a tuple.
/// Buffers and inputs that the program changes are changed. Inputs of other
/// sizes than the program was exported for are refused in one sentence.
///
/// `model` names one of several programs in the archive; empty: there is one.
///
/// Errors: FileError if the file cannot be read, if the LibTorch at hand lacks
/// an
///   op of the program, or if it holds what is not run here: `while_loop`,
///   `map`, objects of classes.
/// Source: `torch.export.load`.
COPPICE_API torch::jit::Module load_exported(
    const std::string& path,
    const std::string& model = "");

} // namespace coppice
