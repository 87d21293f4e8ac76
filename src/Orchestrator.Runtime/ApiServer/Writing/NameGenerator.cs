using System.Security.Cryptography;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Names from metadata.generateName.</summary>
internal static class NameGenerator
{
    private const int SuffixLength = 5;
    private const int MaxNameLength = 63;

    /// <summary>Neither vowels nor digits that look like letters: no words come out.</summary>
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    public static string Generate(string prefix)
    {
        int longest = MaxNameLength - SuffixLength;
        return (prefix.Length > longest ? prefix[..longest] : prefix) + RandomNumberGenerator.GetString(Alphabet, SuffixLength);
    }
}
