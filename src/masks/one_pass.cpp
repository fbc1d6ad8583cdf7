#include "masks/one_pass.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/block_masks.h"
#include "kernels/block_scores.h"
#include "kernels/select.h"
#include "masks/bracket.h"
#include "masks/cut.h"
#include "masks/ranges.h"
#include "masks/strips.h"

namespace coppice::masks::cpu {
namespace {

/// With fewer blocks the bracket of a sample is too wide.
constexpr int64_t kManyBlocks = 65536;

/// A bracket with more than one in so many blocks inside does not pay off.
constexpr int64_t kFewInside = 4;

/// A block of a mask.
enum class State : uint8_t { kDropped, kKept, kMixed };

State state_of(const uint8_t* block, int64_t cols) {
  int64_t kept = 0;
  for (int64_t i = 0; i < cols; ++i) {
    kept += block[i];
  }
  return kept == cols ? State::kKept
      : kept == 0     ? State::kDropped
                      : State::kMixed;
}

/// The blocks of one thread whose score is inside the bracket.
struct Undecided {
  int64_t first_piece = 0;
  int64_t last_piece = 0;
  int64_t dropped = 0; ///< Blocks at or below the bracket.
  std::unique_ptr<float[]> scores;
  std::unique_ptr<int32_t[]> places; ///< Indices of blocks within their piece.
  std::unique_ptr<State[]> states;   ///< Their current states.
  std::vector<int32_t> counts;       ///< Number in each piece.
  int64_t count = 0;                 ///< Number in all pieces.
  bool too_many = false;
};

class OnePass {
 public:
  OnePass(
      const torch::Tensor& matrix,
      const Grid& grid,
      int64_t drop,
      kernels::Measure measure,
      const MaskedWeight* masked)
      : values_(matrix.data_ptr<float>()),
        cols_(grid.cols),
        blocks_(grid.blocks()),
        drop_(drop),
        measure_(measure),
        piece_blocks_(kPiece / grid.cols),
        masked_(masked),
        mask_(
            empty_mask({grid.h, grid.w}, masked),
            masked,
            piece_blocks_ * grid.cols) {}

  std::optional<Checked> run();

 private:
  Bracket guess() const;
  int32_t sampled_key(int64_t block, float* effective) const;
  void read(const Bracket& bracket, Undecided& part);
  void read_piece(int64_t piece, const Bracket& bracket, Undecided& part);
  void write_inside(const Undecided& part, const uint8_t* keep);
  std::vector<uint8_t> keep_inside(int64_t count, int64_t drop);
  int64_t blocks_of(int64_t piece) const {
    return mask_.size(piece) / cols_;
  }
  /// `block` in the current mask; null if there is none.
  const uint8_t* current_at(int64_t block) const {
    const uint8_t* const current = mask_.current(0);
    return current ? current + block * cols_ : nullptr;
  }

  const float* values_;
  int64_t cols_;
  int64_t blocks_;
  int64_t drop_;
  kernels::Measure measure_;
  int64_t piece_blocks_;
  const MaskedWeight* masked_; ///< May be null.
  MaskWriter mask_;
  std::vector<Undecided> parts_; ///< One per thread.
  std::atomic<bool> finite_{true};
};

/// The range of the cut, from a sample.
Bracket OnePass::guess() const {
  std::vector<float> buffer(cols_);
  const SampleSource source{
      [&](int64_t block) {
        __builtin_prefetch(values_ + block * cols_);
        if (const uint8_t* const current = current_at(block)) {
          __builtin_prefetch(current);
        }
      },
      [&](int64_t block) { return sampled_key(block, buffer.data()); }};
  const double share = static_cast<double>(drop_) / blocks_;
  std::minstd_rand random;
  return guess_bracket(blocks_, share, random, source);
}

/// The key of the score that `block` has after writes are absorbed: entries
/// that the current mask drops count as zero. `effective` is a buffer for a
/// block.
int32_t OnePass::sampled_key(int64_t block, float* effective) const {
  const uint8_t* const current = current_at(block);
  const float* const values = values_ + block * cols_;
  for (int64_t i = 0; i < cols_; ++i) {
    effective[i] = current && current[i] == 0 ? 0.0f : values[i];
  }
  float score = effective[0];
  if (cols_ > 1) {
    kernels::block_scores(effective, 1, cols_, cols_, measure_, &score);
  }
  return kernels::order_key(score, kernels::Order::kMagnitude);
}

/// Decides the blocks of `piece` that are outside the bracket; the others keep
/// their state.
void OnePass::read_piece(
    int64_t piece,
    const Bracket& bracket,
    Undecided& part) {
  float scores[kPiece];
  uint8_t keep[kPiece];
  uint8_t spread[kPiece];
  const int64_t blocks = blocks_of(piece);
  const float* const values = values_ + mask_.begin(piece);
  bool finite = true;
  if (cols_ > 1) {
    finite = kernels::block_scores(
        values, 1, blocks * cols_, cols_, measure_, scores);
  }
  int32_t* const places = part.places.get() + part.count;
  const kernels::Split split = kernels::split_at_bracket(
      cols_ > 1 ? scores : values,
      blocks,
      bracket.low,
      bracket.high,
      keep,
      part.scores.get() + part.count,
      places);
  if (cols_ == 1) {
    finite = split.highest < kernels::kInfinityKey;
  } else {
    kernels::expand_blocks(keep, 1, blocks * cols_, cols_, spread);
  }
  uint8_t* const fresh = cols_ > 1 ? spread : keep;
  State* const states = part.states.get() + part.count;
  std::fill_n(states, split.inside, State::kKept);
  if (const uint8_t* const current = mask_.current(piece)) {
    for (size_t i = 0; i < split.inside; ++i) {
      const int64_t at = places[i] * cols_;
      std::copy(current + at, current + at + cols_, fresh + at);
      states[i] = state_of(current + at, cols_);
    }
  }
  mask_.set(piece, fresh);
  part.dropped += split.dropped;
  part.count += split.inside;
  part.counts.push_back(static_cast<int32_t>(split.inside));
  if (!finite) {
    finite_ = false;
  }
}

/// Reads the pieces of `part`.
void OnePass::read(const Bracket& bracket, Undecided& part) {
  const int64_t pieces = part.last_piece - part.first_piece;
  const int64_t few = pieces * piece_blocks_ / kFewInside;
  // Uninitialised, so that unused pages are never touched.
  part.scores.reset(new float[few + piece_blocks_]);
  part.places.reset(new int32_t[few + piece_blocks_]);
  part.states.reset(new State[few + piece_blocks_]);
  for (int64_t i = part.first_piece; i < part.last_piece; ++i) {
    if (masked_) {
      masked_->absorb_writes(mask_.begin(i), mask_.begin(i) + mask_.size(i));
    }
    read_piece(i, bracket, part);
    if (part.count > few) {
      part.too_many = true;
      return;
    }
  }
}

/// Decides all blocks inside the bracket, in order: the `drop` lowest are
/// dropped.
std::vector<uint8_t> OnePass::keep_inside(int64_t count, int64_t drop) {
  std::vector<uint8_t> keep(count, 1);
  if (drop == 0) {
    return keep;
  }
  std::unique_ptr<float[]> scores(new float[count]);
  int64_t at = 0;
  for (const Undecided& part : parts_) {
    std::memcpy(
        scores.get() + at, part.scores.get(), part.count * sizeof(float));
    at += part.count;
  }
  constexpr auto kOrder = kernels::Order::kMagnitude;
  const auto cut = find_cut(scores.get(), count, drop, kOrder).cut;
  write_mask(scores.get(), count, cut, kOrder, keep.data());
  return keep;
}

/// Writes the decisions of the blocks of `part` that change.
void OnePass::write_inside(const Undecided& part, const uint8_t* keep) {
  int64_t i = 0;
  for (int64_t piece = part.first_piece; piece < part.last_piece; ++piece) {
    const int64_t end = i + part.counts[piece - part.first_piece];
    for (; i < end; ++i) {
      if (part.states[i] != (keep[i] ? State::kKept : State::kDropped)) {
        const int64_t at = part.places[i] * cols_;
        std::fill_n(mask_.edit(piece) + at, cols_, keep[i]);
      }
    }
  }
}

std::optional<Checked> OnePass::run() {
  const Bracket bracket = guess();
  const Ranges ranges(mask_.pieces() * kPiece);
  parts_.resize(ranges.size());
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    parts_[i].first_piece = (begin + kPiece - 1) / kPiece;
    parts_[i].last_piece = (end + kPiece - 1) / kPiece;
    read(bracket, parts_[i]);
  });
  int64_t left = drop_;
  int64_t undecided = 0;
  for (const Undecided& part : parts_) {
    if (part.too_many) {
      return std::nullopt;
    }
    left -= part.dropped;
    undecided += part.count;
  }
  if (!finite_) {
    return Checked{{}, false};
  }
  if (left < 0 || left > undecided) {
    return std::nullopt;
  }
  const auto keep = keep_inside(undecided, left);
  at::parallel_for(0, ranges.size(), 1, [&](int64_t first, int64_t last) {
    int64_t before = 0;
    for (int64_t i = 0; i < last; ++i) {
      if (i >= first) {
        write_inside(parts_[i], keep.data() + before);
      }
      before += parts_[i].count;
    }
  });
  return Checked{mask_.finish(), true};
}

} // namespace

std::optional<Checked> mask_in_one_pass(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t drop,
    kernels::Measure measure,
    const MaskedWeight* masked) {
  if (grid.blocks() < kManyBlocks || !is_one_row(grid) || grid.cols > kPiece) {
    return std::nullopt;
  }
  return OnePass(matrix, grid, drop, measure, masked).run();
}

} // namespace coppice::masks::cpu
