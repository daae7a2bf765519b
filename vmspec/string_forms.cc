// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/string_forms.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

bool AllOf(std::string_view text, bool (*holds)(char)) {
  return std::all_of(text.begin(), text.end(), holds);
}

/// 8-4-4-4-12 lower case hexadecimal digits.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHexDigit(text[i])) return false;
  }
  return true;
}

bool IsDigest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") && AllOf(text.substr(7), IsHexDigit);
}

/// RFC 1123: letters, digits and "-", in labels of 1 to 63 that neither begin nor end with "-".
bool IsHostLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         AllOf(text, [](char c) { return IsAlnum(c) || c == '-'; });
}

bool IsUrl(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme) || text.size() > 512) return false;
  std::string_view rest = text.substr(kScheme.size());
  std::string_view host = rest.substr(0, rest.find_first_of(":/"));
  return IsHostName(host) && AllOf(rest, [](char c) {
           return IsAlnum(c) ||
                  std::string_view("-._~:/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
         });
}

bool IsHostOrAddress(std::string_view text) {
  auto address = ParsePrefix(text);
  return IsHostName(text) || (address && text.find('/') == std::string_view::npos);
}

bool IsUsbId(std::string_view text) {
  return text.size() == 9 && text[4] == ':' && AllOf(text.substr(0, 4), IsHexDigit) &&
         AllOf(text.substr(5), IsHexDigit);
}

bool IsHexBytes(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.size() % 2 == 0 && AllOf(text, IsHexDigit);
}

bool IsMimeToken(std::string_view text) {
  return !text.empty() && text.size() <= 127 && AllOf(text, [](char c) {
    return IsAlnum(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  });
}

/// RFC 6838, or "type/*".
bool IsMimeType(std::string_view text) {
  std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !IsMimeToken(text.substr(0, slash))) return false;
  return text.substr(slash + 1) == "*" || IsMimeToken(text.substr(slash + 1));
}

/// As D-Bus names and Flatpak ids: at least three elements.
bool IsApplication(std::string_view text) {
  if (text.size() > 255 || std::count(text.begin(), text.end(), '.') < 2) return false;
  while (true) {
    std::size_t dot = text.find('.');
    std::string_view element = text.substr(0, dot);
    if (element.empty() || IsDigit(element[0]) ||
        !AllOf(element, [](char c) { return IsAlnum(c) || c == '_' || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// A glob that could never match a device node would be a deny that denies nothing.
bool IsDeviceGlob(std::string_view path) {
  return path.starts_with("/dev/") && path.size() > 5 && path.find("/../") == path.npos &&
         path.find("//") == path.npos && path.find("/./") == path.npos && path.back() != '/' &&
         !path.ends_with("/..") && !path.ends_with("/.");
}

struct Entry {
  Form form;
  StringForm rule;
};

constexpr Entry kForms[] = {
    {Form::kName, {IsName, codes::kBadName, "is no name", kNameRule}},
    {Form::kNameOrTable, {IsName, codes::kBadName, "is no name", kNameRule}},
    {Form::kColour,
     {IsColour, codes::kBadColour, "is no colour",
      "a colour is \"#\" and six hexadecimal digits: \"#2a7de1\""}},
    {Form::kInterface,
     {IsUplinkInterface, codes::kBadInterface, "cannot be an uplink's interface",
      "an interface is 1 to 15 of letters, digits, \".\", \"_\" and \"-\"; not \"lo\", and "
      "not \"bh-...\", which are the levels' own"}},
    {Form::kDevicePath,
     {IsDeviceGlob, codes::kBadPath, "matches no device node",
      "a path is absolute and plain, and begins with /dev/: \"/dev/loop*\""}},
    {Form::kUuid,
     {IsUuid, codes::kBadForm, "is no UUID",
      "write 32 lower case hexadecimal digits as 8-4-4-4-12, as uuidgen prints them"}},
    {Form::kDigest,
     {IsDigest, codes::kBadForm, "is no digest",
      "a digest is \"sha256:\" and 64 lower case hexadecimal digits, as sha256sum prints them"}},
    {Form::kHost,
     {IsHostOrAddress, codes::kBadForm, "is no host",
      "write a host name (\"vpn.example.org\") or an address"}},
    {Form::kUrl,
     {IsUrl, codes::kBadForm, "is no address of a remote",
      "write \"https://\", a host name and a path"}},
    {Form::kMoment,
     {[](std::string_view text) { return ParseMoment(text).has_value(); }, codes::kBadForm,
      "is no time", "write it in UTC: \"2027-01-31T18:00:00Z\""}},
    {Form::kWindow,
     {[](std::string_view text) { return ParseWindow(text).has_value(); }, codes::kBadForm,
      "is no window of time", "write from and to: \"02:00-05:00\""}},
    {Form::kUsbId,
     {IsUsbId, codes::kBadForm, "is no USB id",
      "write vendor and product as lsusb does: \"1d6b:0104\""}},
    {Form::kHex,
     {IsHexBytes, codes::kBadForm, "is no row of bytes",
      "write two lower case hexadecimal digits for each byte"}},
    {Form::kMime,
     {IsMimeType, codes::kBadForm, "is no type of content",
      "write a MIME type (\"application/pdf\"), or all of a kind (\"image/*\")"}},
    {Form::kApplication,
     {IsApplication, codes::kBadForm, "is no application", "write its id: \"org.gnome.Evince\""}},
};

}  // namespace

bool IsHostName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  bool letter = std::any_of(text.begin(), text.end(), [](char c) { return c > '9'; });
  while (true) {
    std::size_t dot = text.find('.');
    if (!IsHostLabel(text.substr(0, dot))) return false;
    // "1.2.3.4" and "300.1.1.1" are meant as addresses.
    if (dot == std::string_view::npos) return letter;
    text.remove_prefix(dot + 1);
  }
}

const StringForm* FindStringForm(Form form) {
  for (const Entry& entry : kForms) {
    if (entry.form == form) return &entry.rule;
  }
  return nullptr;
}

}  // namespace bulkhead::vmspec
