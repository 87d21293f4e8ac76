using System.Globalization;
using System.Text;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Hollow;

/// <summary>
/// The one program in a pretend container: a shell with a few commands that need no file, so that exec's streams, exit
/// codes and terminal can be tried end to end.
/// </summary>
/// <remarks>
/// Commands: <c>cat echo env exit false hostname id pwd sleep stty true</c> and <c>sh [-c TEXT]</c>; in a text also
/// quotes, <c>; &amp;&amp; ||</c>, comments, <c>$NAME</c>, <c>$?</c> and the redirections <c>&gt;&amp;2</c> and <c>2&gt;&amp;1</c>.
/// </remarks>
/// <param name="environment">What <c>env</c> and <c>$NAME</c> know.</param>
/// <param name="delay">What <c>sleep</c> waits on.</param>
internal sealed class EchoShell(IReadOnlyDictionary<string, string> environment, Func<TimeSpan, CancellationToken, Task> delay)
{
    private const int NotFound = 127;
    private const int Misused = 2;

    /// <summary>A line of an interactive shell; a longer one is cut in two.</summary>
    private const int LineLimit = 64 * 1024;

    /// <summary>Runs a command as a container's exec does: no shell in between unless the command is one.</summary>
    public async Task<RemoteCommandResult> RunAsync(RemoteCommandSession session, CancellationToken ct)
    {
        IReadOnlyList<string> command = session.Options.Command;
        var run = new Run(session);
        string name = command.Count == 0 ? "" : command[0][(command[0].LastIndexOf('/') + 1)..];
        if (name is not ("sh" or "bash" or "ash") && !IsKnown(name))
        {
            return RemoteCommandResult.Failed(
                $"failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: \"{(command.Count == 0 ? "" : command[0])}\": executable file not found in $PATH: unknown");
        }
        int code = await RunCommandAsync(run, [name, .. command.Skip(1)], session.Stdout, ct);
        return RemoteCommandResult.Exited(run.ExitCode ?? code);
    }

    /// <summary>Whether it knows all that a container's command consists of.</summary>
    public static bool CanRun(IReadOnlyList<string> command)
    {
        if (command.Count == 0)
            return false;
        string name = command[0][(command[0].LastIndexOf('/') + 1)..];
        if (name is not ("sh" or "bash" or "ash"))
            return IsKnown(name);
        if (command.Count < 3 || !command[1].StartsWith('-') || !command[1].EndsWith('c'))
            return false;
        try
        {
            return ShellCommand.Parse(command[2]).All(part => part.Words(_ => "").FirstOrDefault() is var word && (word is null || IsKnown(word)));
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool IsKnown(string name) =>
        name is ":" or "cat" or "echo" or "env" or "exit" or "false" or "hostname" or "id" or "pwd" or "sleep" or "stty" or "true";

    private async Task<int> RunCommandAsync(Run run, IReadOnlyList<string> words, Stream output, CancellationToken ct)
    {
        switch (words[0])
        {
            case "cat": return await CatAsync(run, words, output, ct);
            case "echo": return await EchoAsync(words, output, ct);
            case "env": return await EnvAsync(output, ct);
            case "exit": return Exit(run, words);
            case "false": return 1;
            case "hostname": return await SayAsync(output, environment.GetValueOrDefault("HOSTNAME", "localhost") + "\n", 0, ct);
            case "id": return await SayAsync(output, "uid=0(root) gid=0(root)\n", 0, ct);
            case "pwd": return await SayAsync(output, "/\n", 0, ct);
            case "sleep": return await SleepAsync(run, words, ct);
            case "stty": return await SttyAsync(run, output, ct);
            case "true" or ":": return 0;
            case "sh" or "bash" or "ash": return await ShellAsync(run, words, ct);
            default: return await SayAsync(run.Session.Stderr, $"sh: {words[0]}: not found\n", NotFound, ct);
        }
    }

    private static async Task<int> CatAsync(Run run, IReadOnlyList<string> words, Stream output, CancellationToken ct)
    {
        if (words.Count > 1 && words[1] != "-")
            return await SayAsync(run.Session.Stderr, $"cat: {words[1]}: No such file or directory\n", 1, ct);
        await run.Session.Stdin.CopyToAsync(output, ct);
        return 0;
    }

    private static Task<int> EchoAsync(IReadOnlyList<string> words, Stream output, CancellationToken ct)
    {
        bool hasNewline = words.Count < 2 || words[1] != "-n";
        string text = string.Join(' ', words.Skip(hasNewline ? 1 : 2));
        return SayAsync(output, hasNewline ? text + "\n" : text, 0, ct);
    }

    private Task<int> EnvAsync(Stream output, CancellationToken ct) =>
        SayAsync(output, string.Concat(environment.Select(variable => $"{variable.Key}={variable.Value}\n")), 0, ct);

    private static int Exit(Run run, IReadOnlyList<string> words)
    {
        int code = words.Count < 2 ? run.LastCode
            : int.TryParse(words[1], CultureInfo.InvariantCulture, out int number) ? number & 0xFF
            : Misused;
        run.ExitCode = code;
        return code;
    }

    private async Task<int> SleepAsync(Run run, IReadOnlyList<string> words, CancellationToken ct)
    {
        if (words.Count < 2 || !double.TryParse(words[1].TrimEnd('s'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds))
            return await SayAsync(run.Session.Stderr, "sleep: invalid number\n", 1, ct);
        await delay(TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue / 1000)), ct);
        return 0;
    }

    /// <summary>Prints the terminal's size as <c>stty size</c> does; waits for the client to tell it first.</summary>
    private static async Task<int> SttyAsync(Run run, Stream output, CancellationToken ct)
    {
        if (!run.Session.Options.Tty)
            return await SayAsync(run.Session.Stderr, "stty: standard input: Not a tty\n", 1, ct);
        if (run.Size is null && await run.Session.Sizes.WaitToReadAsync(ct))
            run.Size = default(TerminalSize);
        while (run.Session.Sizes.TryRead(out TerminalSize size))
            run.Size = size;
        TerminalSize known = run.Size ?? default;
        return await SayAsync(output, $"{known.Height} {known.Width}\n", 0, ct);
    }

    private async Task<int> ShellAsync(Run run, IReadOnlyList<string> words, CancellationToken ct)
    {
        if (words.Count >= 3 && words[1].StartsWith('-') && words[1].EndsWith('c'))
        {
            int code = await RunTextAsync(run, words[2], ct);
            code = run.ExitCode ?? code;
            run.ExitCode = null; // It ended that shell, not the one around it.
            return code;
        }
        return await InteractAsync(run, ct);
    }

    private async Task<int> InteractAsync(Run run, CancellationToken ct)
    {
        bool isTerminal = run.Session.Options.Tty;
        var lines = new LineReader(run.Session.Stdin, LineLimit);
        while (run.ExitCode is null)
        {
            if (isTerminal)
                await SayAsync(run.Session.Stdout, "/ # ", 0, ct);
            string? line = await lines.ReadAsync(ct);
            if (line is null)
                break;
            await RunTextAsync(run, line, ct);
        }
        return run.ExitCode ?? run.LastCode;
    }

    private async Task<int> RunTextAsync(Run run, string text, CancellationToken ct)
    {
        IReadOnlyList<ShellCommand> commands;
        try
        {
            commands = ShellCommand.Parse(text);
        }
        catch (FormatException e)
        {
            return run.LastCode = await SayAsync(run.Session.Stderr, $"sh: syntax error: {e.Message}\n", Misused, ct);
        }
        foreach (ShellCommand command in commands)
        {
            if (command.Runs(run.LastCode))
                run.LastCode = await RunOneAsync(run, command, ct);
            if (run.ExitCode is not null)
                break;
        }
        return run.LastCode;
    }

    private Task<int> RunOneAsync(Run run, ShellCommand command, CancellationToken ct)
    {
        string[] words = [.. command.Words(name => name == "?"
            ? run.LastCode.ToString(CultureInfo.InvariantCulture)
            : environment.GetValueOrDefault(name, ""))];
        Stream output = command.WritesToStderr && !run.Session.Options.Tty ? run.Session.Stderr : run.Session.Stdout;
        return words.Length == 0 ? Task.FromResult(0) : RunCommandAsync(run, words, output, ct);
    }

    private static async Task<int> SayAsync(Stream output, string text, int code, CancellationToken ct)
    {
        await output.WriteAsync(Encoding.UTF8.GetBytes(text), ct);
        return code;
    }

    private sealed class Run(RemoteCommandSession session)
    {
        public RemoteCommandSession Session { get; } = session;
        public int LastCode { get; set; }
        public int? ExitCode { get; set; }
        public TerminalSize? Size { get; set; }
    }
}
