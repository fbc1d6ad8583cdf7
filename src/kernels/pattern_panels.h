#pragma once

#include <array>
#include <cstddef>

namespace coppice::kernels {

/// The rows of a panel.
constexpr size_t kPanelRows = 4;

/// The groups of a cell in the order in which they are stored: bit r of a
/// pattern stands for row r. Most weights first, so that the sums of a cell,
/// which wait for each other, wait in the short groups.
constexpr std::array<unsigned, 15> kPatterns =
    {15, 14, 13, 11, 7, 12, 10, 9, 6, 5, 3, 8, 4, 2, 1};

} // namespace coppice::kernels
