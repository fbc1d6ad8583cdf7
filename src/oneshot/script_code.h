#pragma once

#include <map>
#include <string>

#include "coppice/io/checkpoint.h"
#include "graph/weight_uses.h"

namespace coppice::oneshot {

/// The code of a TorchScript archive, as text by the names of its entries
/// ("code/__torch__/net.py", without the archive's own folder).
using ScriptCode = std::map<std::string, std::string>;

/// Errors: FileError.
ScriptCode script_code(const Checkpoint& checkpoint);

/// The kinds of an archive's tensors by name, as its classes declare them.
///
/// Errors: FileError.
std::map<std::string, graph::WeightUse> declared_kinds(
    const Checkpoint& checkpoint,
    const ScriptCode& code);

} // namespace coppice::oneshot
