using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KvStore.Raft;

/// <summary>States what must hold, in production too: a broken invariant is a bug of ours and stops the process.</summary>
public static class Invariant
{
    /// <exception cref="InvariantException">The condition is false.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string? expression = null,
        [CallerMemberName] string? member = null)
    {
        if (!condition)
            Break(expression, member);
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Break(string? expression, string? member) =>
        throw new InvariantException($"invariant broken in {member}: {expression}");
}

/// <summary>The process must not go on: its state is not what its code believes.</summary>
public sealed class InvariantException(string message) : Exception(message);
