using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KvStore.Client;

/// <summary>What must hold, in production too: a broken one is our bug, and stops the process.</summary>
internal static class Invariant
{
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition, [CallerArgumentExpression(nameof(condition))] string? text = null)
    {
        if (!condition)
            Environment.FailFast($"broken invariant: {text}", new UnreachableException(text));
    }
}
