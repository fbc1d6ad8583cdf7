#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/zip.h"
#include "coppice/io/checkpoint.h"
#include "io/exported_program.h"

/// Archives of torch.export.save (.pt2), zip archives of one of two forms. That
/// of torch 2.1 to 2.7 has
///
///   serialized_exported_program.json  the program
///   serialized_state_dict.pt          a file of torch.save, itself a zip
///   serialized_constants.pt           another
///   version                           "8.2", of the schema
///
/// and that of torch 2.8 and later
///
///   NAME/archive_format                        "pt2"
///   NAME/archive_version                       "0"
///   NAME/models/MODEL.json                     the program
///   NAME/data/weights/MODEL_weights_config.json
///   NAME/data/weights/weight_0                 bytes of a storage, or a
///                                              pickled tensor
///   NAME/data/constants/MODEL_constants_config.json
///   NAME/data/constants/tensor_0
///
/// Early ones of the second form have a file of torch.save instead of a config,
/// NAME/data/weights/MODEL.pt. Example inputs and other entries are ignored.
namespace coppice::io {

/// A program and its tensors, by the FQNs in the program.
struct ExportedModel {
  std::string name; ///< "model" if the archive has no name.
  ExportedProgram program;
  std::vector<StoredTensor> state; ///< Parameters and saved buffers.
  /// Constants of the code and non-persistent buffers.
  std::vector<StoredTensor> constants;
};

struct ExportedArchive {
  std::vector<ExportedModel> models; ///< At least one.
  std::vector<Checksum> checksums;
};

/// Whether an archive was written by torch.export, intact or broken, or is an
/// AOTInductor package, which has the same form.
bool is_exported_archive(const archive::ZipArchive& zip);

/// Reads all programs of an archive. Every tensor that a program refers to is
/// present; tensors that share a storage share their bytes.
///
/// Errors: FileError, also for AOTInductor packages, newer schemas, and objects
///   among the constants.
ExportedArchive read_exported_archive(archive::ZipArchive zip);

/// The tensors of all models; named "MODEL.FQN" if there are several.
///
/// Errors: FileError, as above.
Checkpoint read_exported_checkpoint(archive::ZipArchive zip);

/// The name of a tensor of a model in that checkpoint.
std::string name_in_checkpoint(
    const ExportedArchive& archive,
    const ExportedModel& model,
    const std::string& fqn);

} // namespace coppice::io
