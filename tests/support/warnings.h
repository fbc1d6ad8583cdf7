#pragma once

#include <c10/util/Exception.h>

#include <string>
#include <vector>

namespace coppice::testing {

/// Keeps the warnings of this thread while it lives, instead of printing them.
class Warnings : private c10::WarningHandler {
 public:
  Warnings() : before_(c10::WarningUtils::get_warning_handler()) {
    c10::WarningUtils::set_warning_handler(this);
  }
  ~Warnings() override {
    c10::WarningUtils::set_warning_handler(before_);
  }

  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  const std::vector<std::string>& texts() const {
    return texts_;
  }

 private:
  void process(const c10::Warning& warning) override {
    texts_.push_back(warning.msg());
  }

  c10::WarningHandler* before_;
  std::vector<std::string> texts_;
};

} // namespace coppice::testing
