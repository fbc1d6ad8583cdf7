// The program `coppice`: parses the command line, runs one subcommand, and
// turns errors into one sentence and an exit code.

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/help.h"
#include "cli/signals.h"
#include "coppice/archive/file_error.h"
#include "coppice/core/version.h"
#include "core/torch_compat.h"
#include "graph/run_error.h"
#include "io/output_file.h"

namespace coppice::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  coppice inspect net.safetensors       # patterns of its zeros
  coppice prune net.safetensors -o sparse.safetensors --sparsity 0.9
  coppice pack sparse.safetensors -o packed.safetensors
  coppice compile net.pt -o fast.pt --input 1x784

`coppice COMMAND --help` describes a command.
)";

/// Messages of LibTorch and the standard library may have several lines.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

bool is_of_libtorch(const std::string& file) {
  return file.find("aten/src/") != std::string::npos ||
      file.find("torch/csrc/") != std::string::npos ||
      file.find("c10/") != std::string::npos;
}

/// Prints the library's warnings in the program's form, each once. Those of
/// LibTorch are hidden: they are for the authors of models.
class Warnings : public coppice::compat::WarningListener {
 public:
  void warn(const std::string& text, const std::string& file) override {
    const auto line = one_line(text);
    if (!is_of_libtorch(file) && said_.insert(line).second) {
      std::cerr << "coppice: warning: " << line << '\n';
    }
  }

 private:
  std::set<std::string> said_;
};

ExitCode complain(ExitCode code, const std::string& message) {
  std::cerr << "coppice: " << one_line(message) << '\n';
  return code;
}

/// CLI11 also throws for help and version.
ExitCode end_of_parsing(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    return kDone;
  }
  if (app.get_subcommands().empty() && !app.remaining().empty()) {
    return complain(
        kWrongInput,
        fmt::format(
            "there is no command {} (see `coppice --help`).",
            app.remaining().front()));
  }
  std::string command = "coppice";
  for (const auto* subcommand : app.get_subcommands()) {
    command += " " + subcommand->get_name();
  }
  return complain(
      kWrongInput, fmt::format("{} (see `{} --help`).", error.what(), command));
}

/// Restarts the program with OpenMP threads that spin for a tenth of a
/// millisecond after their work. By default they spin much longer and keep
/// processors from OpenBLAS's own threads: training takes nearly twice as long,
/// and a dense product may be measured at a hundredth of its speed. Without
/// spinning, every short layer would wake them, which takes longer than the
/// layer. libgomp, LibTorch's OpenMP, reads the environment before main, so a
/// restart is needed.
void limit_idle_spinning(char** argv) {
  const bool is_set =
      std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT");
  if (!is_set) {
    setenv("GOMP_SPINCOUNT", "8000", /*overwrite=*/0);
    // Returns only on failure; the program then runs on, but slower.
    execv("/proc/self/exe", argv);
  }
}

ExitCode run(int argc, char** argv) {
  CLI::App app("Neural-network sparsity for LibTorch.", "coppice");
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(15);
  formatter->label("Positionals", "Arguments");
  formatter->label("SUBCOMMAND", "COMMAND");
  app.formatter(formatter);
  app.set_help_flag("-h,--help", "Show this help");
  app.set_version_flag(
      "--version",
      fmt::format("coppice {} (LibTorch {})", version(), TORCH_VERSION),
      "Show the version");
  app.footer(kExamples);
  app.require_subcommand(1);
  Command chosen;
  add_inspect(app, chosen);
  add_prune(app, chosen);
  add_analyze(app, chosen);
  add_activations(app, chosen);
  add_compile(app, chosen);
  add_bench(app, chosen);
  add_pack(app, chosen);
  add_unpack(app, chosen);
  for (auto* command : app.get_subcommands({})) {
    command->group("Commands");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, error);
  }
  if (chosen.computes) {
    limit_idle_spinning(argv);
  }
  end_cleanly_on_signals();
  return chosen.run();
}

ExitCode run_and_flush(int argc, char** argv) {
  const ExitCode code = run(argc, argv);
  if (!std::cout.flush()) {
    throw WorkError("standard output cannot be written: is the disk full?");
  }
  return code;
}

} // namespace
} // namespace coppice::cli

int main(int argc, char** argv) {
  using namespace coppice::cli;
  static Warnings warnings;
  coppice::compat::listen_to_warnings(&warnings);
  try {
    return run_and_flush(argc, argv);
  } catch (const InputError& error) {
    return complain(kWrongInput, error.what());
  } catch (const coppice::FileError& error) {
    return complain(kWrongInput, error.what());
  } catch (const coppice::Interrupted&) {
    return complain(kInterrupted, interrupted_text());
  } catch (const c10::Error& error) {
    return complain(kFailed, coppice::graph::first_line(error) + ".");
  } catch (const std::bad_alloc&) {
    return complain(kFailed, "there is not enough memory for this work.");
  } catch (const std::exception& error) {
    return complain(kFailed, error.what());
  }
}
