using System.Security.Cryptography;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>The five letters behind a generated name.</summary>
internal static class NameSuffix
{
    // No vowels and nothing that looks alike: no words come of it.
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";
    private const int Length = 5;

    public static string Next() => RandomNumberGenerator.GetString(Alphabet, Length);
}
