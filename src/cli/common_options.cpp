#include "cli/common_options.h"

namespace coppice::cli {

void add_json_option(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print one JSON object instead of text");
}

void add_threads_option(CLI::App& command, int& threads) {
  command
      .add_option(
          "--threads", threads, "Threads to use; every core if not given")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
}

} // namespace coppice::cli
