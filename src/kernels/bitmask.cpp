#include "kernels/bitmask.h"

#include <algorithm>
#include <cstring>

// Plain loops without data-dependent branches. They reach half of the memory
// bandwidth or more, and files are slower than that.
namespace coppice::kernels {
namespace {

template <typename T>
T load(const std::byte* from, size_t i) {
  T value;
  std::memcpy(&value, from + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* to, size_t i, T value) {
  std::memcpy(to + i * sizeof(T), &value, sizeof(T));
}

template <typename T>
size_t count_nonzeros_of(const std::byte* values, size_t count) {
  // Sums of the element's own width vectorize, and 32768 of them fit 16 bits.
  constexpr size_t kPiece = 32768;
  size_t nonzeros = 0;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    const size_t end = std::min(count, begin + kPiece);
    T sum = 0;
    for (size_t i = begin; i < end; ++i) {
      sum = static_cast<T>(sum + (load<T>(values, i) != 0));
    }
    nonzeros += sum;
  }
  return nonzeros;
}

template <typename T>
uint8_t bits_of(const std::byte* values, size_t count) {
  unsigned byte = 0;
  for (size_t i = 0; i < count; ++i) {
    byte |= static_cast<unsigned>(load<T>(values, i) != 0) << i;
  }
  return static_cast<uint8_t>(byte);
}

template <typename T>
void nonzero_bits_of(const std::byte* values, size_t count, uint8_t* bits) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    *bits++ = bits_of<T>(values + i * sizeof(T), 8);
  }
  if (i < count) {
    *bits = bits_of<T>(values + i * sizeof(T), count - i);
  }
}

template <typename T>
size_t compress_of(const std::byte* values, size_t count, std::byte* nonzeros) {
  size_t taken = 0;
  for (size_t i = 0; i < count; ++i) {
    const T value = load<T>(values, i);
    store<T>(nonzeros, taken, value);
    taken += value != 0;
  }
  return taken;
}

template <typename T>
size_t expand_of(
    const uint8_t* bits,
    const std::byte* nonzeros,
    size_t count,
    std::byte* values) {
  const size_t total = count_bits(bits, count);
  size_t taken = 0;
  size_t i = 0;
  // Reads the next element whether it is due or not, so only while 8 are left.
  for (; i + 8 <= count && taken + 8 <= total; i += 8) {
    const unsigned byte = bits[i / 8];
    for (size_t k = 0; k < 8; ++k) {
      const unsigned bit = byte >> k & 1;
      const T value = load<T>(nonzeros, taken);
      store<T>(values, i + k, static_cast<T>(bit ? value : 0));
      taken += bit;
    }
  }
  for (; i < count; ++i) {
    const bool bit = bits[i / 8] >> (i % 8) & 1;
    store<T>(values, i, bit ? load<T>(nonzeros, taken) : T(0));
    taken += bit;
  }
  return taken;
}

/// Calls `work` with a zero of the unsigned type of that width.
template <typename Work>
auto with_width(size_t width, Work work) {
  switch (width) {
    case 2:
      return work(uint16_t());
    case 4:
      return work(uint32_t());
    default:
      return work(uint64_t());
  }
}

} // namespace

size_t count_nonzeros(const std::byte* values, size_t count, size_t width) {
  return with_width(width, [&](auto zero) {
    return count_nonzeros_of<decltype(zero)>(values, count);
  });
}

void nonzero_bits(
    const std::byte* values,
    size_t count,
    size_t width,
    uint8_t* bits) {
  with_width(width, [&](auto zero) {
    nonzero_bits_of<decltype(zero)>(values, count, bits);
  });
}

size_t compress_nonzeros(
    const std::byte* values,
    size_t count,
    size_t width,
    std::byte* nonzeros) {
  return with_width(width, [&](auto zero) {
    return compress_of<decltype(zero)>(values, count, nonzeros);
  });
}

size_t count_bits(const uint8_t* bits, size_t count) {
  size_t set = 0;
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    uint64_t word;
    std::memcpy(&word, bits + i / 8, sizeof(word));
    set += static_cast<size_t>(__builtin_popcountll(word));
  }
  for (; i < count; ++i) {
    set += bits[i / 8] >> (i % 8) & 1;
  }
  return set;
}

size_t expand_nonzeros(
    const uint8_t* bits,
    const std::byte* nonzeros,
    size_t count,
    size_t width,
    std::byte* values) {
  return with_width(width, [&](auto zero) {
    return expand_of<decltype(zero)>(bits, nonzeros, count, values);
  });
}

} // namespace coppice::kernels
