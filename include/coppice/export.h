#pragma once

/// Exports a symbol of libcoppice's public interface. All others are hidden.
#define COPPICE_API __attribute__((visibility("default")))
