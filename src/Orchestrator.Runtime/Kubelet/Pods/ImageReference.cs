using System.Text.RegularExpressions;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The grammar of image names: <c>registry:5000/path/name:tag@sha256:digest</c>.</summary>
internal static partial class ImageReference
{
    public static bool IsValid(string image) => image.Length > 0 && Grammar().IsMatch(image);

    /// <summary>Without tag and digest, the tag is latest.</summary>
    public static bool IsLatest(string image)
    {
        if (image.Contains('@'))
            return false;
        string last = image[(image.LastIndexOf('/') + 1)..];
        return !last.Contains(':') || last.EndsWith(":latest", StringComparison.Ordinal);
    }

    [GeneratedRegex(
        "^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?)/)?" +
        "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*" +
        "(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?$")]
    private static partial Regex Grammar();
}
