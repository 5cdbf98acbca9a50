# corral-runner: one file without libraries, so that it runs in any Linux image. A sanitizer or coverage cannot be linked
# statically: with CORRAL_RUNNER off it is the same program, dynamic, for the tests only.
add_executable(corral-runner runner_main.cc)
target_compile_definitions(corral-runner PRIVATE CORRAL_VERSION="${PROJECT_VERSION}")
target_link_libraries(corral-runner PRIVATE corral_runner corral_sandbox_launch)
if(CORRAL_RUNNER)
  target_link_options(corral-runner PRIVATE -static -Wl,--gc-sections)
endif()
