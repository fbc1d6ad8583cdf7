#pragma once

#include <stdexcept>

namespace coppice::cli {

/// Exit codes of the program.
enum ExitCode {
  kDone = 0,
  kFailed = 1,        ///< The work failed.
  kWrongInput = 2,    ///< The command line or an input file is wrong.
  kInterrupted = 130, ///< Ctrl-C, with the code that shells use.
};

/// The command line or an input file is wrong. The message is one sentence:
/// what is wrong, where, and what to do.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The work failed although its input was valid. One sentence, too.
class WorkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

} // namespace coppice::cli
