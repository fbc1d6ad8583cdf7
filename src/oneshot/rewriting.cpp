#include "oneshot/rewriting.h"

#include <algorithm>
#include <filesystem>

#include "io/output_folder.h"

namespace coppice::oneshot {
namespace {

class Rewriting {
 public:
  Rewriting(CheckpointSelection& selection, const Advance& advance)
      : selection_(selection),
        plan_(selection.plan()),
        advance_(advance),
        zeros_(plan_.tensors.size()) {}

  void write_file(const std::string& path) {
    OutputFile file(path, input().files.front()->size());
    rewrite_file(input(), 0, changes_of(0), file);
    file.commit();
  }

  void write_shards(const std::string& path) {
    std::vector<std::string> names;
    for (const auto& file : input().files) {
      names.push_back(std::filesystem::path(file->path()).filename());
    }
    OutputFolder folder(path, names);
    for (size_t file = 0; file < names.size(); ++file) {
      OutputFile output(folder, names[file], input().files[file]->size());
      rewrite_file(input(), file, changes_of(file), output);
      output.commit();
    }
    folder.commit();
  }

  void write_nothing() {
    for (size_t file = 0; file < input().files.size(); ++file) {
      for (const auto& change : changes_of(file)) {
        change.write([](const void*, uint64_t) {});
      }
    }
  }

  std::vector<ZeroCounts> zeros() && {
    return std::move(zeros_);
  }

 private:
  const Checkpoint& input() const {
    return *plan_.input;
  }

  std::vector<Change> changes_of(size_t file) {
    std::vector<size_t> indices;
    for (size_t i = 0; i < plan_.tensors.size(); ++i) {
      if (plan_.tensors[i].modifier && plan_.tensors[i].place.file == file) {
        indices.push_back(i);
      }
    }
    std::sort(indices.begin(), indices.end(), [this](size_t a, size_t b) {
      return range_of(a).begin < range_of(b).begin;
    });
    std::vector<Change> changes;
    for (const size_t i : indices) {
      changes.push_back({range_of(i), [this, i](const ByteSink& sink) {
                           write_tensor(i, sink);
                         }});
    }
    return changes;
  }

  ByteRange range_of(size_t i) const {
    return plan_.tensors[i].place.range;
  }

  void write_tensor(size_t i, const ByteSink& sink) {
    const auto& plan = plan_.tensors[i];
    zeros_[i] = write_pruned(
        plan_.tensor(i),
        plan,
        plan.modifier->pattern.sparse_block_shape.rows,
        selection_.mask_of(i),
        [&](const void* data, uint64_t size) {
          sink(data, size);
          advance_(size);
        });
  }

  CheckpointSelection& selection_;
  const CheckpointPlan& plan_;
  const Advance& advance_;
  std::vector<ZeroCounts> zeros_;
};

} // namespace

std::vector<ZeroCounts> rewrite_checkpoint(
    CheckpointSelection selection,
    const std::string* output,
    const Advance& advance) {
  Rewriting rewriting(selection, advance);
  if (output == nullptr) {
    rewriting.write_nothing();
  } else if (is_sharded(selection.plan().input->format)) {
    rewriting.write_shards(*output);
  } else {
    rewriting.write_file(*output);
  }
  return std::move(rewriting).zeros();
}

} // namespace coppice::oneshot
