#include "oneshot/exported_evidence.h"

#include <exception>

#include "graph/exported_uses.h"
#include "io/exported_archive.h"

namespace coppice::oneshot {

ScriptEvidence exported_evidence(const Checkpoint& checkpoint) {
  ScriptEvidence evidence;
  try {
    const auto& file = checkpoint.files.at(0);
    const auto archive = io::read_exported_archive(archive::ZipArchive(file));
    for (const auto& model : archive.models) {
      const auto uses = graph::exported_uses(model, file->path());
      for (const auto& [name, use] : uses.tensors) {
        evidence.uses.tensors.emplace(
            io::name_in_checkpoint(archive, model, name), use);
      }
    }
    evidence.uses.has_code = true;
    evidence.from_graph = true;
  } catch (const std::exception&) {
    // Tensors can be read without the graph.
    evidence.uses.tensors.clear();
    evidence.not_from_graph_because = "its graph cannot be followed";
  }
  return evidence;
}

} // namespace coppice::oneshot
