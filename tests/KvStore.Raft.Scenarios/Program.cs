namespace KvStore.Raft.Scenarios;

/// <summary>Replays scenario files and compares all that comes out.</summary>
internal static class Program
{
    private const string Help = """
        Replays Raft scenario files (*.txt) and compares all that comes out, exactly.

        usage: KvStore.Raft.Scenarios [FOLDER or FILE]... [--ignore-log-lines] [--rewrite]

          FOLDER               every .txt file below it; the project's own scenarios if none is given
          --ignore-log-lines   leave out expected lines of log text (DEBUG, INFO, WARN, ERROR): the core writes none
          --rewrite            write what came out into the files; read the difference afterwards
          --help               this text, and no more

        A file is of one of three kinds, told by its first command:
          interaction   add-nodes campaign compact deliver-msgs forget-leader log-level process-append-thread
                        process-apply-thread process-ready propose propose-conf-change raft-log raft-state
                        report-unreachable send-snapshot set-randomized-election-timeout stabilize status
                        tick-election tick-heartbeat transfer-leadership
                        and, of our own, hard-state read-index report-snapshot restart step
          confchange    simple enter-joint leave-joint
          quorum        committed vote

        Ends with the number of directives that passed and failed. Exit code: 0 all passed, 1 some failed, 2 nothing to run.
        """;

    private static int Main(string[] args)
    {
        if (args.Contains("--help"))
        {
            Console.WriteLine(Help);
            return 0;
        }
        if (args.FirstOrDefault(arg => arg.StartsWith("--") && arg is not ("--ignore-log-lines" or "--rewrite")) is { } unknown)
        {
            Console.Error.WriteLine($"unknown option {unknown}; see --help");
            return 2;
        }
        var paths = args.Where(arg => !arg.StartsWith("--")).DefaultIfEmpty(OwnScenarios).ToList();
        if (paths.Find(path => !Directory.Exists(path) && !File.Exists(path)) is { } missing)
        {
            Console.Error.WriteLine($"{missing} is neither a folder nor a file; give one with scenario files, see --help");
            return 2;
        }
        return Run(paths, args.Contains("--ignore-log-lines"), args.Contains("--rewrite"));
    }

    private static string OwnScenarios => Path.Combine(AppContext.BaseDirectory, "scenarios");

    private static int Run(List<string> paths, bool ignoreLogLines, bool rewrite)
    {
        var (passed, failed) = (0, 0);
        foreach (string file in paths.SelectMany(ScenarioFile.Find))
        {
            var results = ScenarioFile.Replay(file, ignoreLogLines);
            passed += results.Count(result => result.Passed);
            failed += results.Count(result => !result.Passed);
            foreach (var result in results.Where(result => !result.Passed))
                Console.WriteLine(Difference.Render(file, result));
            if (rewrite && results.Any(result => !result.Passed))
                ScenarioFile.Rewrite(file, results);
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        if (passed + failed == 0)
            return 2;
        return failed == 0 ? 0 : 1;
    }
}
