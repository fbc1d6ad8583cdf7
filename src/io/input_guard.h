#pragma once

#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"

namespace coppice {

/// The paths of the files of a checkpoint, index and shards alike.
std::vector<std::string> paths_of(const Checkpoint& checkpoint);

/// Ensures that writing `output`, a file or a folder, destroys no input.
/// Refuses
///
/// - an output that is an input under any name: symbolic links, hard links,
///   another mount of the disk;
/// - a folder that contains an input at any depth, or a symbolic link on the
///   path to one;
/// - a folder that contains an input under another name.
///
/// Files are compared by device and inode, not by name. Inputs that do not
/// exist are ignored.
///
/// Errors: OutputError, which names the input.
void require_other_file(
    const std::string& output,
    const std::vector<std::string>& inputs);

/// The same for all files of a checkpoint.
void require_other_file(const std::string& output, const Checkpoint& input);

} // namespace coppice
