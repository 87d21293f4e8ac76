namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>What is wrong with a file that should hold images; the message is for whoever gave the file.</summary>
public sealed class ImageArchiveException(string message, Exception? cause = null) : Exception(message, cause);
