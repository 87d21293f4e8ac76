using KvStore.Server.Configuration;

namespace KvStore.Server.Logging;

/// <summary>Opens what <c>--log-outputs</c> names: default, stderr, stdout, systemd/journal or file paths.</summary>
public static class LogSinks
{
    /// <exception cref="ConfigurationException">A file cannot be opened; nothing stays open.</exception>
    public static IReadOnlyList<Stream> Open(IReadOnlyList<string> outputs)
    {
        var sinks = new List<Stream>();
        try
        {
            foreach (string output in outputs)
                sinks.Add(Open(output));
            return sinks;
        }
        catch (ConfigurationException)
        {
            foreach (Stream sink in sinks)
                sink.Dispose();
            throw;
        }
    }

    private static Stream Open(string output) => output switch
    {
        // Under systemd stderr is connected to the journal, which reads the JSON lines as they are.
        "default" or "stderr" or "systemd/journal" => Console.OpenStandardError(),
        "stdout" => Console.OpenStandardOutput(),
        _ => OpenFile(output),
    };

    private static FileStream OpenFile(string path)
    {
        try
        {
            // No buffer: a line is handed to the system before the call that logs it returns.
            return new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigurationException(
                $"--log-outputs: cannot open {GoSyntax.Quote(path)}: {fault.Message} Give a path that this user may write to, "
                + "or one of default, stderr, stdout.");
        }
    }
}
