# What Corral stands on: Debian 12 packages only (script/lib/packages lists them).
find_package(Threads REQUIRED)
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL REQUIRED)
find_package(date REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(YAML_CPP REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
if(CORRAL_TESTS)
  find_package(GTest REQUIRED)
endif()

# Asio and Beast are compiled once, in src/base/asio_impl.cc and src/edge/http/beast_impl.cc.
add_library(corral_asio INTERFACE)
target_compile_definitions(corral_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_BEAST_SEPARATE_COMPILATION)
target_include_directories(corral_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(corral_asio INTERFACE Boost::json Boost::url Threads::Threads)
