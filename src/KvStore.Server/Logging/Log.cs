using System.Runtime.CompilerServices;
using Field = (string Key, object? Value);

namespace KvStore.Server.Logging;

/// <summary>The process's log: <c>Log.Info("opened the log", ("path", path), ("took", elapsed))</c>.</summary>
/// <remarks>
/// The fields are optional parameters, not an array, because the compiler fills in the caller only behind such. A call
/// below the level costs a comparison (and the boxing of its fields: ask <see cref="IsEnabled"/> first where that counts).
/// </remarks>
public static class Log
{
    private static Logger s_current = Logger.Silent;

    /// <summary>Set once by whoever starts the process, before anything else runs.</summary>
    public static Logger Current
    {
        get => Volatile.Read(ref s_current);
        set => Volatile.Write(ref s_current, value);
    }

    public static bool IsEnabled(LogLevel level) => Current.IsEnabled(level);

    /// <summary>Details for whoever looks for a fault; off by default.</summary>
    public static void Debug(
        string message, Field f1 = default, Field f2 = default, Field f3 = default, Field f4 = default, Field f5 = default,
        Field f6 = default, Field f7 = default, Field f8 = default,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(LogLevel.Debug))
            Write(LogLevel.Debug, message, [f1, f2, f3, f4, f5, f6, f7, f8], file, line);
    }

    /// <summary>What an operator may want to know.</summary>
    public static void Info(
        string message, Field f1 = default, Field f2 = default, Field f3 = default, Field f4 = default, Field f5 = default,
        Field f6 = default, Field f7 = default, Field f8 = default,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(LogLevel.Info))
            Write(LogLevel.Info, message, [f1, f2, f3, f4, f5, f6, f7, f8], file, line);
    }

    /// <summary>Something is wrong or unusual, and the member goes on.</summary>
    public static void Warn(
        string message, Field f1 = default, Field f2 = default, Field f3 = default, Field f4 = default, Field f5 = default,
        Field f6 = default, Field f7 = default, Field f8 = default,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(LogLevel.Warn))
            Write(LogLevel.Warn, message, [f1, f2, f3, f4, f5, f6, f7, f8], file, line);
    }

    /// <summary>Something failed; a request or a task, not the member.</summary>
    public static void Error(
        string message, Field f1 = default, Field f2 = default, Field f3 = default, Field f4 = default, Field f5 = default,
        Field f6 = default, Field f7 = default, Field f8 = default,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(LogLevel.Error))
            Write(LogLevel.Error, message, [f1, f2, f3, f4, f5, f6, f7, f8], file, line);
    }

    /// <summary>The process is about to end. Only writes: ending it is the caller's.</summary>
    public static void Fatal(
        string message, Field f1 = default, Field f2 = default, Field f3 = default, Field f4 = default, Field f5 = default,
        Field f6 = default, Field f7 = default, Field f8 = default,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(LogLevel.Fatal))
            Write(LogLevel.Fatal, message, [f1, f2, f3, f4, f5, f6, f7, f8], file, line);
    }

    /// <summary>For lines of any level and any count of fields, such as those that configuration left to be said.</summary>
    public static void Write(
        LogLevel level, string message, ReadOnlySpan<Field> fields, [CallerFilePath] string file = "",
        [CallerLineNumber] int line = 0)
    {
        if (IsEnabled(level))
            WriteTo(Current, level, message, fields, file, line);
    }

    internal static void WriteTo(Logger logger, LogLevel level, string message, ReadOnlySpan<Field> fields, string file, int line)
    {
        // The fields that were given stand in front.
        int count = 0;
        while (count < fields.Length && fields[count].Key is not null)
            count++;
        logger.Write(level, message, fields[..count], file, line);
    }
}
