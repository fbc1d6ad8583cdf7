#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/zip.h"
#include "coppice/io/checkpoint.h"
#include "io/exported_program.h"

/// What torch.export.save writes (.pt2), a zip archive of one of two forms.
/// That of torch 2.1 to 2.7 has
///
///   serialized_exported_program.json  the program
///   serialized_state_dict.pt          a file of torch.save, itself a zip
///   serialized_constants.pt           another
///   version                           "8.2", of the schema
///
/// and that of torch 2.8 on
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
/// Early ones of the second form have a file of torch.save in place of a
/// config, NAME/data/weights/MODEL.pt. Example inputs and whatever else there
/// is are not read.
namespace coppice::io {

/// One program and its tensors, under the FQNs by which the program names them.
struct ExportedModel {
  std::string name; ///< "model" where the archive names none.
  ExportedProgram program;
  std::vector<StoredTensor> state; ///< Parameters and saved buffers.
  /// Constants of the code and buffers that no state has.
  std::vector<StoredTensor> constants;
};

struct ExportedArchive {
  std::vector<ExportedModel> models; ///< At least one.
  std::vector<Checksum> checksums;
};

/// Whether an archive is one of torch.export's, whole or broken, or a package
/// of AOTInductor, which looks the same.
bool is_exported_archive(const archive::ZipArchive& zip);

/// All programs of an archive. Every tensor that one names is there; tensors of
/// one storage share their bytes.
///
/// Errors: FileError, also for a package of AOTInductor, a newer schema, and
///   objects of classes among the constants.
ExportedArchive read_exported_archive(archive::ZipArchive zip);

/// The tensors of all models; those of several under "MODEL.FQN".
///
/// Errors: FileError, as above.
Checkpoint read_exported_checkpoint(archive::ZipArchive zip);

/// The name of a tensor of a model in that checkpoint.
std::string name_in_checkpoint(
    const ExportedArchive& archive,
    const ExportedModel& model,
    const std::string& fqn);

} // namespace coppice::io
