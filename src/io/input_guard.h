#pragma once

#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"

namespace coppice {

/// The paths of its files, index and shards alike.
std::vector<std::string> paths_of(const Checkpoint& checkpoint);

/// That no file that is read is lost when `output`, a file or a folder, is
/// written. Refused are
///
/// - an output that is an input, under whatever name: by links, hard links,
///   another mount of its disk;
/// - a folder that holds an input at any depth, or a link that leads to it
///   or on the way to it;
/// - a folder in which a file of another name is an input.
///
/// Files are told apart by what they are on the disk, not by their names. Files
/// that are not there are of no concern.
///
/// Errors: OutputError, which names the input.
void require_other_file(
    const std::string& output,
    const std::vector<std::string>& inputs);

/// The same for all files of a checkpoint.
void require_other_file(const std::string& output, const Checkpoint& input);

} // namespace coppice
