#include "cli/recipe_file.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "cli/errors.h"
#include "coppice/archive/mapped_file.h"
#include "io/foreign_file.h"

namespace coppice::cli {
namespace {

constexpr uint64_t kLongestRecipe = uint64_t(1) << 20;
/// Limits the tree that aliases can expand to.
constexpr int kMostNodes = 100000;

nlohmann::ordered_json json_of(const YAML::Node& node, int& nodes) {
  if (++nodes > kMostNodes) {
    throw std::runtime_error("it is too large for a recipe");
  }
  if (node.IsSequence()) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& each : node) {
      list.push_back(json_of(each, nodes));
    }
    return list;
  }
  if (node.IsMap()) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& each : node) {
      const auto key = each.first.as<std::string>();
      if (object.contains(key)) {
        throw std::runtime_error(fmt::format("`{}` occurs twice", key));
      }
      object[key] = json_of(each.second, nodes);
    }
    return object;
  }
  if (!node.IsScalar()) {
    return nullptr;
  }
  // Quoted scalars are text, even if they look like numbers.
  if (double number = 0;
      node.Tag() != "!" && YAML::convert<double>::decode(node, number)) {
    int64_t integer = 0;
    if (YAML::convert<int64_t>::decode(node, integer)) {
      return integer;
    }
    return number;
  }
  return node.Scalar();
}

} // namespace

Recipe read_recipe(const std::string& path) {
  const auto file = MappedFile::open(path);
  io::require_no_placeholder(*file);
  if (file->size() > kLongestRecipe) {
    throw InputError(fmt::format("{} is too large for a recipe.", path));
  }
  if (file->text().find('\0') != std::string_view::npos) {
    throw InputError(
        fmt::format("{} is not text: give a recipe in YAML or JSON.", path));
  }
  try {
    int nodes = 0;
    const auto root = YAML::Load(std::string(file->text()));
    return recipe_from_json(json_of(root, nodes).dump());
  } catch (const c10::Error& error) {
    throw InputError(
        fmt::format("{}: {}.", path, error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw InputError(
        fmt::format("{} is not a recipe ({}).", path, error.what()));
  }
}

} // namespace coppice::cli
