using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KvStore.Raft;

/// <summary>States what must hold. A violated invariant is our bug: the process stops instead of going on in doubt.</summary>
/// <remarks>On in production too, so keep the condition cheap, and state one condition a call: the message quotes it.</remarks>
public static class Invariant
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string? expression = null,
        [CallerMemberName] string? member = null)
    {
        if (!condition)
            Throw(expression, member);
    }

    // Apart, so that the check above stays small enough to be inlined.
    [DoesNotReturn]
    private static void Throw(string? expression, string? member) =>
        throw new InvariantException($"Broken invariant in {member}: {expression}");
}
