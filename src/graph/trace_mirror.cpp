#include "graph/trace_mirror.h"

#include "core/fqn.h"

#include <torch/csrc/jit/frontend/lexer.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

namespace coppice::detail {
namespace {

bool is_identifier(std::string_view name) {
  const auto is_part = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
        (c >= 'A' && c <= 'Z');
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
      std::all_of(name.begin(), name.end(), is_part);
}

bool is_keyword(const std::string& identifier) {
  torch::jit::Lexer lexer(std::make_shared<torch::jit::Source>(identifier));
  return lexer.cur().kind != torch::jit::TK_IDENT;
}

/// Names with another meaning in a TorchScript module, its code, or its Python
/// class.
bool is_taken(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kTaken{
      "forward",
      "training",
      "activation_site",
      "torch",
      "_c",
      "_modules",
      "_parameters",
      "_buffers"};
  return std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end();
}

/// Names are saved as code without escapes.
bool is_writable(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
}

void check_name(const std::string& module_fqn, const std::string& name) {
  const bool good = is_writable(name) && !is_taken(name) &&
      !(is_identifier(name) && is_keyword(name));
  TORCH_CHECK_VALUE(
      good,
      "trace: TorchScript cannot hold the name `",
      join_fqn(module_fqn, name),
      "`: ",
      is_writable(name) ? "`" + name + "` is reserved there"
                        : "only printable ASCII without quotes and "
                          "backslashes can be saved",
      "; register it under another name");
}

/// "Linear" for `torch::nn::LinearImpl`.
std::string class_name(const torch::nn::Module& module) {
  auto name = module.name();
  name = name.substr(0, name.find('<'));
  if (const auto colons = name.rfind("::"); colons != std::string::npos) {
    name = name.substr(colons + 2);
  }
  constexpr std::string_view kImpl = "Impl";
  if (name.size() > kImpl.size() &&
      name.compare(name.size() - kImpl.size(), kImpl.size(), kImpl) == 0) {
    name.resize(name.size() - kImpl.size());
  }
  return is_identifier(name) && !is_keyword(name) ? name : "Module";
}

class Mirrors {
 public:
  explicit Mirrors(bool with_sites) : with_sites_(with_sites) {}

  torch::jit::Module of(
      const torch::nn::Module& module,
      const std::string& fqn) {
    const auto known = made_.find(&module);
    if (known != made_.end()) {
      return known->second;
    }
    torch::jit::Module made(
        c10::QualifiedName("__torch__.coppice." + class_name(module)),
        unit_,
        /*shouldMangle=*/true);
    made.register_attribute(
        "training", c10::BoolType::get(), module.is_training());
    for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
      check_new(made, fqn, parameter.key());
      made.register_parameter(parameter.key(), parameter.value(), false);
    }
    for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
      check_new(made, fqn, buffer.key());
      made.register_buffer(buffer.key(), buffer.value());
    }
    for (const auto& child : module.named_children()) {
      check_new(made, fqn, child.key());
      made.register_module(
          child.key(), of(*child.value(), join_fqn(fqn, child.key())));
    }
    if (with_sites_) {
      add_site(made, module);
    }
    made_.emplace(&module, made);
    return made;
  }

  SiteObjects sites;

 private:
  static void check_new(
      const torch::jit::Module& made,
      const std::string& fqn,
      const std::string& name) {
    check_name(fqn, name);
    TORCH_CHECK_VALUE(
        !made.hasattr(name),
        "trace: the model has two things named `",
        join_fqn(fqn, name),
        "`, which TorchScript cannot hold; register one under another name");
  }

  void add_site(torch::jit::Module& made, const torch::nn::Module& module) {
    const auto* const layer = dynamic_cast<const HasActivationSite*>(&module);
    if (layer == nullptr || layer->activation_site() == nullptr) {
      return;
    }
    const auto& site = layer->activation_site();
    // One object per site: the tracer identifies values by object.
    const auto object = sites.emplace(site.get(), site).first->second;
    made.register_attribute("activation_site", object.type(), object);
  }

  bool with_sites_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_ =
      std::make_shared<torch::jit::CompilationUnit>();
  std::unordered_map<const torch::nn::Module*, torch::jit::Module> made_;
};

} // namespace

Mirror mirror_of(const torch::nn::Module& model, bool with_sites) {
  Mirrors mirrors(with_sites);
  auto root = mirrors.of(model, "");
  return {std::move(root), std::move(mirrors.sites)};
}

} // namespace coppice::detail
