<#
.SYNOPSIS
Starts the server whenever this user logs on, without a window, and again if it should end.

.DESCRIPTION
Registers a scheduled task of the current user; administrator's rights are not needed. Run it once from the project's
folder, after `py bootstrap.py` has run:

    powershell -ExecutionPolicy Bypass -File deploy\install-windows-task.ps1

.PARAMETER DataDir
Folder of models, configuration and logs; the project's folder unless given.

.PARAMETER Remove
Stops the server and takes the task away again.
#>
[CmdletBinding()]
param(
    [string]$DataDir,
    [switch]$Remove
)

$ErrorActionPreference = 'Stop'
$taskName = 'OpenVINO Multi-Model Server'
$project = Split-Path -Parent $PSScriptRoot

if ($Remove) {
    Stop-ScheduledTask -TaskName $taskName -ErrorAction SilentlyContinue
    Unregister-ScheduledTask -TaskName $taskName -Confirm:$false
    Write-Output "The task '$taskName' is gone."
    exit 0
}

$python = Join-Path $project '.venv\Scripts\pythonw.exe'
if (-not (Test-Path -LiteralPath $python)) {
    throw "There is no $python yet. Run 'py bootstrap.py' in $project first."
}
if (-not $DataDir) { $DataDir = $project }
$DataDir = [System.IO.Path]::GetFullPath($DataDir)

$action = New-ScheduledTaskAction -Execute $python -WorkingDirectory $project `
    -Argument ('main.py --data-dir "{0}"' -f $DataDir)
$user = [System.Security.Principal.WindowsIdentity]::GetCurrent().Name
$trigger = New-ScheduledTaskTrigger -AtLogOn -User $user
$principal = New-ScheduledTaskPrincipal -UserId $user -LogonType Interactive -RunLevel Limited
$normalPriority = 4  # a task runs below normal otherwise, and its children with it
$settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries `
    -Priority $normalPriority -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew `
    -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1)

Register-ScheduledTask -TaskName $taskName -Action $action -Trigger $trigger -Principal $principal `
    -Settings $settings -Force | Out-Null
Start-ScheduledTask -TaskName $taskName
Write-Output "The server runs and will start at every logon. Page: http://127.0.0.1:11437"
Write-Output "Log: $(Join-Path $DataDir 'logs\admin.log')"
